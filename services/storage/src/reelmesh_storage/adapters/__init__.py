"""Storage's edges to the outside: a folder, an S3 API and an SQL database."""
