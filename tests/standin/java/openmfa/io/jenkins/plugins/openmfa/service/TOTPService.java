package io.jenkins.plugins.openmfa.service;

import hudson.util.Secret;
import io.jenkins.plugins.openmfa.util.TOTPUtil;
import java.security.SecureRandom;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Makes secrets, and takes each of their codes once. */
public class TOTPService {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int SECRET_BYTES = 20;

    /** Until when a code is refused, by its secret and itself. */
    private final Map<String, Long> usedCodes = new ConcurrentHashMap<>();

    public Secret generateSecret() {
        byte[] bytes = new byte[SECRET_BYTES];
        RANDOM.nextBytes(bytes);
        return Secret.fromString(TOTPUtil.encode(bytes));
    }

    public String generateTOTP(Secret secret) {
        return generateTOTP(secret, TOTPUtil.currentStep());
    }

    public String generateTOTP(Secret secret, long step) {
        return TOTPUtil.generateTOTP(secret.getPlainText(), step);
    }

    /** The codes of this step and of its two neighbours are right. */
    public boolean verifyCode(Secret secret, String code) {
        long now = System.currentTimeMillis(), step = TOTPUtil.currentStep();
        if (!TOTPUtil.verifyCode(secret.getPlainText(), code)) return false;
        String key = secret.getPlainText().hashCode() + ":" + code;
        usedCodes.values().removeIf(end -> end < now);
        return usedCodes.putIfAbsent(key, (step + TOTPUtil.TOLERANCE + 1) * TOTPUtil.STEP_MILLIS) == null;
    }
}
