CREATE INDEX members_user ON members (user_id);
CREATE INDEX invites_organization ON invites (organization, created_at);
CREATE INDEX projects_organization ON projects (organization, created_at);
CREATE INDEX invites_texts ON invites (texts);
CREATE INDEX member_rules_user ON member_rules (organization, user_id, created_at);
CREATE INDEX referrals_referrer ON referrals (referrer);
