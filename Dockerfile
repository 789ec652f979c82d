FROM node:20-slim AS assets
WORKDIR /app/assets
COPY assets .
RUN npm ci --ignore-scripts && npm run build

FROM python:3.11-slim
# What PDFs are set with: Pango, and a font for every script that it knows.
RUN apt-get update && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements/base.txt requirements/base.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/base.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY bin/compile-messages bin/compile-messages
RUN python bin/compile-messages
COPY --from=assets /app/src/slotkeeper/static/slotkeeper/built src/slotkeeper/static/slotkeeper/built
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --system slotkeeper && mkdir /data && chown slotkeeper /data
USER slotkeeper
ENV SLOTKEEPER_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:8000/readyz')"]
CMD ["slotkeeper", "serve", "--host", "0.0.0.0"]
