package standin.web;

import java.io.IOException;
import java.util.Map;
import java.util.Set;

/** Static files: everything that a page of the stand-in loads, with next to nothing in it. */
final class Assets {
    private static final Set<String> ROOTS = Set.of("adjuncts", "css", "images", "jsbundles", "scripts", "plugin", "i18n", "favicon.ico", "favicon.svg", "apple-touch-icon.png", "mask-icon.svg");
    private static final Map<String, String> TYPES = Map.of("css", "text/css", "js", "application/javascript", "svg", "image/svg+xml", "png", "image/png", "ico", "image/x-icon");
    private static final Set<String> FILES = Set.of("jsbundles/styles.css", "jsbundles/app.js", "jsbundles/vendors.js", "scripts/hudson-behavior.js", "scripts/redirect.js", "favicon.svg",
        "favicon.ico", "images/svgs/logo.svg", "plugin/miniorange-two-factor/css/tfaConfiguration.css", "plugin/miniorange-two-factor/js/tfaConfiguration.js",
        "plugin/miniorange-two-factor/images/tfaIcon.png", "adjuncts/lib/form/form.js");

    private Assets() {}

    static boolean isAsset(String root) {
        return ROOTS.contains(root);
    }

    static void serve(Exchange exchange) throws IOException {
        String file = String.join("/", exchange.path);
        boolean served = FILES.contains(file) && (exchange.request.getMethod().equals("GET") || exchange.request.getMethod().equals("HEAD"));
        if (!served) {
            exchange.html(404, "Not Found", "<h1>No such file</h1>"); // told apart from a page that does not exist
            return;
        }
        exchange.response.setHeader("Cache-Control", "public, max-age=31536000");
        exchange.text(TYPES.get(file.substring(file.lastIndexOf('.') + 1)), "/* " + file + " */\n");
    }
}
