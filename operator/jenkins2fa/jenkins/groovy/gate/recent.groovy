/** The latest entries by key, up to a maximum. */
class Recent {
    static Map of(int most) {
        Collections.synchronizedMap(new LinkedHashMap(16, 0.75f, true) {
            boolean removeEldestEntry(Map.Entry eldest) { size() > most }
        })
    }
}
