package io.jenkins.plugins.openmfa.constant;

/** Names that clients and scripts meet. */
public final class PluginConstants {
    public static final String DEFAULT_ISSUER = "Jenkins";
    public static final String FROM_PARAM = "from";

    private PluginConstants() {}

    /** Fields of forms. */
    public static final class FormParameters {
        public static final String CODE = "x-plugin-openmfa-code";
        public static final String SECRET = "x-plugin-openmfa-secret";
        public static final String TOTP_CODE = "x-plugin-openmfa-totp";

        private FormParameters() {}
    }

    /** When wrong codes lock a user out. */
    public static final class RateLimit {
        public static final long ATTEMPT_WINDOW_MS = 300_000;
        public static final long LOCKOUT_DURATION_MS = 300_000;
        public static final int MAX_ATTEMPTS = 5;

        private RateLimit() {}
    }

    /** Attributes of sessions. */
    public static final class SessionAttributes {
        public static final String MFA_VERIFIED = "X-Plugin-OpenMFA-Verified";
        public static final String PENDING_AUTH = "X-Plugin-OpenMFA-Pending-Auth";

        private SessionAttributes() {}
    }

    /** Paths. */
    public static final class Urls {
        public static final String LOGIN_ACTION_URL = "mfa-login";
        public static final String MANAGEMENT_ACTION_URL = "mfa-management";
        public static final String SECURITY_CHECK_ENDPOINT = "/" + LOGIN_ACTION_URL + "/verify";
        public static final String SETUP_ACTION_URL = "mfa-setup";

        private Urls() {}
    }
}
