/** This file's text; its digest identifies the version of the gate. */
class Code {
    /**
     * The configuration that `jenkins2fa gate render` writes here (base64 of JSON) for a file that the site itself
     * mounts; empty in the file that the operator keeps.
     */
    static final String EMBEDDED = ''

    final String text, digest

    Code(String text) { this.text = text; digest = sha256(text) }

    static String sha256(String text) {
        java.security.MessageDigest.getInstance('SHA-256').digest(text.getBytes('UTF-8')).encodeHex().toString()
    }

    static Map embedded() {
        EMBEDDED ? (Map) new JsonSlurperClassic().parseText(new String(EMBEDDED.decodeBase64(), 'UTF-8')) : null
    }

    void keep() { Store.keepCode(text) }
}
