"""The API's own documentation: a page that works without any network but ours."""

import pathlib

import fastapi
import fastapi_offline
from fastapi.openapi import docs
from starlette import staticfiles

FILES = "/docs/files"
_FOLDER = pathlib.Path(fastapi_offline.__file__).parent / "static"


def install(app: fastapi.FastAPI) -> None:
    """Serve /docs and the files that it needs; `fastapi_offline` ships them."""
    app.mount(FILES, staticfiles.StaticFiles(directory=_FOLDER), name="docs files")

    @app.get("/docs", include_in_schema=False)
    async def get_docs() -> fastapi.Response:
        return docs.get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="reelmesh API",
            swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{FILES}/swagger-ui.css",
            swagger_favicon_url=f"{FILES}/favicon.png",
            swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True},
        )

    @app.get("/", include_in_schema=False)
    async def get_root() -> fastapi.Response:
        return fastapi.responses.RedirectResponse("/docs")
