/**
 * One page of the second factor: of which factor, what it does, and whose it is (null for the challenge, which is
 * always the current user's, and for administration, where the form says it).
 */
class Page {
    static final String CHOOSE = 'choose', SHOW = 'show', ANSWER = 'answer', SEND = 'send',
                        OVERVIEW = 'overview', ENROL_PAGE = 'enrolment page', ENROL = 'enrol', RESET = 'reset',
                        HELPER = 'form helper', ADMINISTER = 'administration'

    final String factor, kind, owner

    Page(String factor, String kind, String owner = null) {
        this.factor = factor
        this.kind = kind
        this.owner = owner
    }

    boolean isChallenge() { kind in [CHOOSE, SHOW, ANSWER, SEND] }

    /** Whether the page submits, stores or removes something, which takes a POST. */
    boolean isAction() { kind in [ANSWER, SEND, ENROL, RESET] }

    boolean isOf(User user) {
        challenge || owner == null || User.get(owner, false)?.id == user.id
    }
}
