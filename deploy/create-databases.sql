-- Run once by PostgreSQL's image, which has made the metastore's database by itself.
create database dagster;
