/** A mark that reads "true" only in the thread of a request that let itself in: two requests on one session do not share it. */
class RequestPass {
    final ThreadLocal admitted = new ThreadLocal()

    String toString() { String.valueOf(admitted.get() == true) }
}
