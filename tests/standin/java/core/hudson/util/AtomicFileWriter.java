package hudson.util;

import java.io.IOException;
import java.io.Writer;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Writes to a draft beside the target; `commit` puts it in place, `abort` removes what was not committed. */
public class AtomicFileWriter extends Writer {
    private final Path target;
    private final Path draft;
    private final Writer out;

    public AtomicFileWriter(Path target, Charset charset) throws IOException {
        this.target = target;
        draft = Files.createTempFile(target.toAbsolutePath().getParent(), target.getFileName() + "-atomic", "tmp");
        out = Files.newBufferedWriter(draft, charset);
    }

    @Override
    public void write(char[] text, int offset, int length) throws IOException {
        out.write(text, offset, length);
    }

    @Override
    public void flush() throws IOException {
        out.flush();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }

    public void commit() throws IOException {
        close();
        Files.move(draft, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    public void abort() throws IOException {
        close();
        Files.deleteIfExists(draft);
    }
}
