# PostgreSQL of the distribution, told what to do by the variables of Docker's official image, and with its user.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid 999 --no-create-home postgres \
 && install -d /etc/postgresql-common && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf \
 && apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY postgresql.sh /usr/local/bin/postgresql.sh
USER 999:999
ENTRYPOINT ["/bin/sh", "/usr/local/bin/postgresql.sh"]
