# Digit Lab in a container, where everybody counts as another machine: the pages are read-only without DIGITLAB_CLASS=1,
# the API writes nothing without DIGITLAB_API_TOKEN, and names other than localhost are answered only where
# DIGITLAB_ALLOWED_HOSTS lists them. compose.yaml sets what one person or a class needs.
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
    STREAMLIT_BROWSER_SERVER_ADDRESS=localhost \
    KERAS_HOME=/data/keras
VOLUME /data
USER 1000
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, ssl, urllib.request as u; s = 's' * (os.environ.get('DIGITLAB_HTTPS') == '1'); u.urlopen(f'http{s}://127.0.0.1:8501/api/health', timeout=4, context=ssl._create_unverified_context())"]
CMD ["streamlit", "run", "dashboard/app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
