"""The shapes of HTTP events that a front can send, by the names that settings have for them."""

from pylambda.web.events import ALB, ALB_MULTI, HTTP_V1, HTTP_V2, REST, URL

SHAPES = {shape.name: shape for shape in (HTTP_V2, HTTP_V1, REST, URL, ALB, ALB_MULTI)}
