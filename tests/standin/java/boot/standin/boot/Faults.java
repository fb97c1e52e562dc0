package standin.boot;

import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/** What the test bench wants to go wrong. Times are in epoch milliseconds, "until" them. */
public final class Faults {
    public volatile long unavailableUntil;
    public volatile long tokensRefusedUntil;
    public volatile long tokensRefusedAroundRestart;
    public volatile long answerUntil;
    public volatile int answerStatus = 500;
    public volatile String answerLocation;
    public volatile long delay;
    /** What each look-up of a user in the realm takes, as at a slow directory. */
    public volatile long lookupDelay;
    /** So many script calls are still to be carried out without their answer reaching the client. */
    public final AtomicInteger answersToLose = new AtomicInteger();
    private final Options options;

    Faults(Options options) {
        this.options = options;
    }

    void set(Map<String, Object> switches) {
        switches.forEach(this::set);
    }

    private void set(String name, Object value) {
        long now = System.currentTimeMillis();
        switch (name) {
            case "unavailableSeconds" -> unavailableUntil = now + millis(value);
            case "tokensRefusedSeconds" -> tokensRefusedUntil = now + millis(value);
            case "tokensRefusedAroundRestartSeconds" -> tokensRefusedAroundRestart = millis(value);
            case "answerStatus" -> answerStatus = ((Number) value).intValue();
            case "answerLocation" -> answerLocation = (String) value;
            case "answerSeconds" -> answerUntil = now + millis(value);
            case "delaySeconds" -> delay = millis(value);
            case "lookupSeconds" -> lookupDelay = millis(value);
            case "loseAnswers" -> answersToLose.set(((Number) value).intValue());
            case "restartingSeconds" -> options.restartingMillis = millis(value);
            case "startingSeconds" -> options.startingMillis = millis(value);
            case "plugin" -> options.setState(options.thePlugin(), (String) value);
            case "pluginVersion" -> options.setVersion(options.thePlugin(), (String) value);
            case "plugins" -> Options.object(value).forEach((plugin, state) -> options.setState(plugin, (String) state));
            default -> throw new IllegalArgumentException("unknown switch " + name);
        }
    }

    void restartBegins() {
        if (tokensRefusedAroundRestart != 0) tokensRefusedUntil = Long.MAX_VALUE;
    }

    void restartEnds() {
        if (tokensRefusedAroundRestart != 0) tokensRefusedUntil = System.currentTimeMillis() + tokensRefusedAroundRestart;
    }

    /** Holds a request back, until the fault is switched off at the latest. */
    public void waitAWhile() {
        long begin = System.currentTimeMillis();
        while (System.currentTimeMillis() - begin < delay) LockSupport.parkNanos(20_000_000);
    }

    /** Holds the look-up of a user back, wherever it is asked for. */
    public void waitForLookup() {
        if (lookupDelay > 0) LockSupport.parkNanos(lookupDelay * 1_000_000);
    }

    private static long millis(Object seconds) {
        return Math.round(((Number) seconds).doubleValue() * 1000);
    }
}
