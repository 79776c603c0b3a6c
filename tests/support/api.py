"""Requests to the HTTP API, and what its errors look like."""

import io

from PIL import Image

PREDICT = "/api/runs/starter/predict"


def as_file(picture, format="PNG"):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format)
    return file.getvalue()


def send_picture(client, data, kind="image/png", path=PREDICT):
    return client.post(path, content=data, headers={"Content-Type": kind})


def assert_problem(response, status, *words):
    found = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, found["status"], found["type"]) == (status, status, "about:blank")
    assert found["title"]
    assert all(word in found["detail"] for word in words), found["detail"]
