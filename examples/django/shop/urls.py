"""The pages of the project."""

from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.urls import path


def hello(request: HttpRequest, name: str) -> JsonResponse:
    """Greet somebody."""
    return JsonResponse({"hello": name, "secure": request.is_secure()})


urlpatterns = [path("admin/", admin.site.urls), path("hello/<name>", hello)]
