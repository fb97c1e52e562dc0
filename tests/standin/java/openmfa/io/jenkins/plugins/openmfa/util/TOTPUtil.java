package io.jenkins.plugins.openmfa.util;

import hudson.model.User;
import io.jenkins.plugins.openmfa.MFAGlobalConfiguration;
import io.jenkins.plugins.openmfa.MFAUserProperty;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.stream.LongStream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Codes of RFC 6238: SHA-1, six digits, thirty seconds. */
public final class TOTPUtil {
    public static final long STEP_MILLIS = 30_000;
    public static final int TOLERANCE = 1;
    private static final int DIGITS = 6;
    private static final String ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    private TOTPUtil() {}

    public static long currentStep() {
        return System.currentTimeMillis() / STEP_MILLIS;
    }

    public static boolean isMFAEnabled() {
        return isMFAEnabled(User.current());
    }

    public static boolean isMFAEnabled(User user) {
        MFAUserProperty property = MFAUserProperty.forUser(user);
        return property != null && property.isEnabled();
    }

    public static boolean isMFARequired() {
        return User.current() != null && (MFAGlobalConfiguration.get().isRequireMFA() || isMFAEnabled());
    }

    public static String generateTOTP(String secret) {
        return generateTOTP(secret, currentStep());
    }

    /** A secret without a single letter of the alphabet throws. */
    public static String generateTOTP(String secret, long step) {
        try {
            Mac mac = Mac.getInstance("HmacSHA1");
            mac.init(new SecretKeySpec(decode(secret), "RAW"));
            byte[] hash = mac.doFinal(ByteBuffer.allocate(Long.BYTES).putLong(step).array());
            int number = ByteBuffer.wrap(hash).getInt(hash[hash.length - 1] & 0xf) & Integer.MAX_VALUE;
            return String.format("%06d", number % 1_000_000);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Looks only; `TOTPService` is what takes a code once. */
    public static boolean verifyCode(String secret, String code) {
        if (code == null || code.length() != DIGITS) return false;
        try {
            return LongStream.rangeClosed(-TOLERANCE, TOLERANCE).anyMatch(away -> generateTOTP(secret, currentStep() + away).equals(code));
        } catch (IllegalArgumentException empty) {
            return false;
        }
    }

    /** Base 32 of a multiple of five bytes. */
    public static String encode(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        long bits = 0;
        int held = 0;
        for (byte one : bytes) {
            bits = bits << 8 | one & 0xff;
            for (held += 8; held >= 5; held -= 5) text.append(ALPHABET.charAt((int) (bits >> held - 5) & 31));
        }
        return text.toString();
    }

    /** In either case; characters that are not of the alphabet are passed over, and so are bits that fill no byte. */
    private static byte[] decode(String text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        long bits = 0;
        int held = 0;
        for (char sign : text.toCharArray()) {
            if (sign == '=') break;
            int value = ALPHABET.indexOf(Character.toUpperCase(sign));
            if (value < 0) continue;
            bits = bits << 5 | value;
            held += 5;
            if (held >= 8) {
                held -= 8;
                bytes.write((int) (bits >> held));
            }
        }
        return bytes.toByteArray();
    }
}
