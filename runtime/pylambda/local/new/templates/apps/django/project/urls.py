"""The pages of the project."""

from django.urls import path

from project import views

urlpatterns = [path("", views.hello)]
