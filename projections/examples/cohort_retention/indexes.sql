CREATE INDEX organizations_cohort ON organizations (cohort);
