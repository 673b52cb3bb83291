-- Two owners on one server, who can't read each other's databases. Run by psql, once, on an empty server.
\set ON_ERROR_STOP on
\getenv accord_password ACCORD_DATABASE_PASSWORD
\getenv temporal_password TEMPORAL_DATABASE_PASSWORD

CREATE ROLE accord_service LOGIN PASSWORD :'accord_password';
CREATE ROLE temporal_service LOGIN PASSWORD :'temporal_password';

CREATE DATABASE accord OWNER accord_service;
CREATE DATABASE temporal OWNER temporal_service;
CREATE DATABASE temporal_visibility OWNER temporal_service;

REVOKE ALL ON DATABASE accord, temporal, temporal_visibility FROM PUBLIC;
