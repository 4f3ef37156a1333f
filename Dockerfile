# For those who prefer a container: docker build -t erazoo . && docker run --rm -v "$PWD/runs:/erazoo/runs" erazoo doctor
FROM python:3.12-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

ENV PYTHONUNBUFFERED=1 VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH
RUN python -m venv "$VIRTUAL_ENV"

WORKDIR /erazoo
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY . .
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps -e .

VOLUME ["/erazoo/data", "/erazoo/runs"]
ENTRYPOINT ["erazoo"]
CMD ["--help"]
