/** Static files, open to everyone; each must exist as a file. */
class StaticFiles {
    static final Set ROOTS = ['css', 'images', 'jsbundles', 'scripts', 'favicon.ico', 'favicon.svg',
                              'apple-touch-icon.png', 'mask-icon.svg'] as Set
    static final String FILE = /.+\.(css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|woff2?|ttf|eot|otf)/
    static final int MOST = 2_000

    private static final Map known = Recent.of(MOST)

    /** A plain path, in segments; `/static/<anything>/<path>` is the same as `/<path>`. */
    static boolean has(List<String> path) {
        if (path && path[0] == 'static') path = path.drop(2)
        if (!path) return false
        if (path == ['i18n', 'resourceBundle']) return true
        path.last() ==~ FILE && known.computeIfAbsent(path.join('/')) { isThere(path) }
    }

    private static boolean isThere(List<String> path) {
        if (path[0] in ROOTS) return Filters.context.getResource('/' + path.join('/')) != null
        def classes = Jenkins.get().pluginManager.uberClassLoader
        if (path[0] == 'adjuncts') return path.size() > 2 && classes.getResource(path.drop(2).join('/')) != null
        if (path[0] != 'plugin' || path.size() < 3 || path[2] == 'wrapper') return false
        def base = Jenkins.get().pluginManager.getPlugin(path[1])?.baseResourceURL
        if (base == null) return false
        def below = path.drop(2).collect { java.net.URLEncoder.encode(it, 'UTF-8').replace('+', '%20') }
        def address = new URL(base, below.join('/'))
        if (address.protocol == 'file') return new File(address.toURI()).file
        try { address.openStream().close(); true } catch (IOException absent) { false }
    }
}
