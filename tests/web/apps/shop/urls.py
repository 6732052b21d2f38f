"""The Django shop's views."""

import asyncio
import hashlib
from pathlib import Path

from django.contrib import admin
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

DOWNLOAD = bytes(range(256)) * 64


def hello(request, name):
    query = [[key, value] for key, values in request.GET.lists() for value in values]
    return JsonResponse({"hello": name, "query": query})


def login(request):
    request.session["user"] = "ada"
    response = JsonResponse({})
    response.set_cookie("theme", "dark")
    return response


def whoami(request):
    return JsonResponse({"user": request.session.get("user"), "theme": request.COOKIES.get("theme")})


@csrf_exempt
def upload(request):
    file = request.FILES["file"]
    content = file.read()
    return JsonResponse({"name": file.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()})


def download(request):
    return HttpResponse(DOWNLOAD, content_type="application/octet-stream")


def file(request):
    return FileResponse(open(__file__, "rb"), as_attachment=True, filename="shop.py")


def text(request):
    return HttpResponse("grüner Tee\n" * 500, content_type="text/plain; charset=utf-8")


def go(request):
    return redirect("hello", name="you")


def ticks(request):
    def body():
        yield "data: 0\n\n"
        yield f"data: {Path(request.GET['path']).read_text()}\n\n"

    async def body_of_asgi():
        yield "data: 0\n\n"
        yield f"data: {await asyncio.to_thread(Path(request.GET['path']).read_text)}\n\n"

    is_asgi = hasattr(request, "scope")
    return StreamingHttpResponse(body_of_asgi() if is_asgi else body(), content_type="text/event-stream")


def items(request):
    return JsonResponse([], safe=False)


def boom(request):
    raise ValueError("boom")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("hello/<name>", hello, name="hello"),
    path("login", login),
    path("whoami", whoami),
    path("upload", upload),
    path("download", download),
    path("file", file),
    path("text", text),
    path("go", go),
    path("items/", items),
    path("ticks", ticks),
    path("boom", boom),
]
