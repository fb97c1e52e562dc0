package hudson.model;

/** Something kept with a user. Its fields are stored with the user's file: texts, secrets, numbers, booleans and sets of texts. */
public abstract class UserProperty {
    protected transient User user;

    void belongTo(User owner) {
        user = owner;
    }
}
