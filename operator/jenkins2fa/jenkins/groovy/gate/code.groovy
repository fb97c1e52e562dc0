/** This file's text; its digest identifies the version of the gate. */
class Code {
    /**
     * The configuration that `jenkins2fa gate render` writes here (base64 of JSON) for a file that the site itself
     * mounts; empty in the file that the operator keeps.
     */
    static final String EMBEDDED = ''

    final String text, digest

    Code(String text) { this.text = text; digest = Observation.sha256(text) }

    static Map embedded() {
        EMBEDDED ? (Map) new JsonSlurperClassic().parseText(new String(EMBEDDED.decodeBase64(), 'UTF-8')) : null
    }

    void keep() { Store.keepCode(text) }
}
