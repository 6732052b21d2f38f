"""What the pages show."""

from django.http import HttpRequest, JsonResponse


def hello(request: HttpRequest) -> JsonResponse:
    """Greet somebody."""
    return JsonResponse({"message": f"Hello, {request.GET.get('name', 'world')}!"})
