# Digit Lab in a container, which counts as another machine: the API writes nothing without DIGITLAB_API_TOKEN, and names
# other than localhost are answered only where DIGITLAB_ALLOWED_HOSTS lists them.
FROM python:3.11-slim AS packages
COPY requirements.lock /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /requirements.lock

FROM python:3.11-slim
RUN useradd --create-home --uid 1000 digitlab && install -d -o digitlab -g digitlab /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DIGITLAB_HOME=/data/home \
    KERAS_HOME=/data/keras
VOLUME /data
USER 1000
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/api/health', timeout=4)"]
CMD ["streamlit", "run", "dashboard/app.py", "--server.address=0.0.0.0", "--server.port=8501", \
     "--browser.serverAddress=localhost", "--server.headless=true"]
