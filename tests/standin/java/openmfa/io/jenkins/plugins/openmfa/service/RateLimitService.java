package io.jenkins.plugins.openmfa.service;

import io.jenkins.plugins.openmfa.constant.PluginConstants.RateLimit;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** Counts wrong codes by user id, for all sessions of the user. */
public class RateLimitService {
    private final Map<String, List<Long>> failedAttempts = new ConcurrentHashMap<>();
    private final Map<String, Long> lockouts = new ConcurrentHashMap<>();

    public void recordFailedAttempt(String id) {
        long now = System.currentTimeMillis();
        List<Long> attempts = failedAttempts.computeIfAbsent(id, none -> new CopyOnWriteArrayList<>());
        attempts.removeIf(then -> then < now - RateLimit.ATTEMPT_WINDOW_MS);
        attempts.add(now);
        if (attempts.size() >= RateLimit.MAX_ATTEMPTS) lockouts.put(id, now + RateLimit.LOCKOUT_DURATION_MS);
    }

    /** The end of a lock-out forgets the wrong codes as well. */
    public boolean isLockedOut(String id) {
        Long end = lockouts.get(id);
        if (end == null) return false;
        if (System.currentTimeMillis() <= end) return true;
        clearFailedAttempts(id);
        return false;
    }

    public long getRemainingLockoutSeconds(String id) {
        return Math.max(0, (lockouts.getOrDefault(id, 0L) - System.currentTimeMillis()) / 1000);
    }

    public void clearFailedAttempts(String id) {
        failedAttempts.remove(id);
        lockouts.remove(id);
    }
}
