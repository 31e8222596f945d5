CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE box (
	name TEXT NOT NULL,
	wanted INTEGER NOT NULL,
	problem TEXT,
	drift TEXT,
	drift_at BIGINT,
	installed TEXT,
	loaded TEXT,
	tick TEXT,
	tick_at BIGINT,
	cron_alive INTEGER NOT NULL,
	draining INTEGER NOT NULL,
	booted_at BIGINT,
	stopped_at BIGINT,
	death TEXT,
	PRIMARY KEY (name)
);
CREATE TABLE cursor (
	box TEXT NOT NULL,
	log_id TEXT NOT NULL,
	seq BIGINT NOT NULL,
	boot_id TEXT,
	release BIGINT,
	last_event_at BIGINT,
	ingested_at BIGINT NOT NULL,
	PRIMARY KEY (box)
);
CREATE TABLE incident (
	pk INTEGER NOT NULL,
	box TEXT NOT NULL,
	at BIGINT NOT NULL,
	kind TEXT NOT NULL,
	job TEXT,
	text TEXT NOT NULL,
	PRIMARY KEY (pk)
);
CREATE TABLE output (
	pk INTEGER NOT NULL,
	run INTEGER NOT NULL,
	box TEXT NOT NULL,
	job TEXT NOT NULL,
	at BIGINT NOT NULL,
	lines BLOB NOT NULL,
	PRIMARY KEY (pk),
	FOREIGN KEY(run) REFERENCES run (pk) ON DELETE CASCADE
);
INSERT INTO "output" VALUES(1,1,'etl','load',1772366400000000,X'28B52FFD2017B900005B5B302E312C226F7574222C22343020726F7773225D5D');
CREATE TABLE pause (
	box TEXT NOT NULL,
	job TEXT NOT NULL,
	since BIGINT NOT NULL,
	until BIGINT,
	why TEXT,
	"by" TEXT,
	PRIMARY KEY (box, job)
);
CREATE TABLE run (
	pk INTEGER NOT NULL,
	id TEXT NOT NULL,
	box TEXT NOT NULL,
	job TEXT NOT NULL,
	"trigger" TEXT NOT NULL,
	status TEXT NOT NULL,
	at BIGINT NOT NULL,
	reason TEXT,
	scheduled_for BIGINT,
	occurrence BIGINT NOT NULL,
	queued_at BIGINT,
	started_at BIGINT,
	finished_at BIGINT,
	duration_s FLOAT,
	attempt BIGINT NOT NULL,
	exit_code BIGINT,
	signal BIGINT,
	cpu_s FLOAT,
	max_rss_bytes BIGINT,
	output_bytes BIGINT NOT NULL,
	dropped_bytes BIGINT NOT NULL,
	release BIGINT,
	boot_id TEXT,
	PRIMARY KEY (pk)
);
INSERT INTO "run" VALUES(1,'r1','etl','load','cron','failed',1772366400000000,NULL,1772366400000000,0,NULL,1772366400000000,1772366400000000,1.5,1,7,NULL,NULL,NULL,0,0,NULL,NULL);
CREATE INDEX incident_box_at ON incident (box, at);
CREATE INDEX run_at ON run (at);
CREATE INDEX run_box_at ON run (box, at);
CREATE INDEX run_box_status_at ON run (box, status, "trigger", at);
CREATE UNIQUE INDEX run_id ON run (id);
CREATE INDEX run_job_at ON run (box, job, at);
CREATE INDEX run_job_status_at ON run (box, job, status, "trigger", at);
CREATE UNIQUE INDEX run_slot ON run (box, job, scheduled_for, occurrence, attempt);
CREATE INDEX run_status_at ON run (status, "trigger", at);
CREATE INDEX output_box_at ON output (box, at);
CREATE INDEX output_job_at ON output (box, job, at);
CREATE INDEX output_run ON output (run, pk);
