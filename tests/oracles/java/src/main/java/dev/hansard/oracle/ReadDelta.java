package dev.hansard.oracle;

import io.delta.kernel.Scan;
import io.delta.kernel.Snapshot;
import io.delta.kernel.TableManager;
import io.delta.kernel.data.ArrayValue;
import io.delta.kernel.data.ColumnVector;
import io.delta.kernel.data.FilteredColumnarBatch;
import io.delta.kernel.data.Row;
import io.delta.kernel.defaults.engine.DefaultEngine;
import io.delta.kernel.engine.Engine;
import io.delta.kernel.engine.FileReadResult;
import io.delta.kernel.internal.InternalScanFileUtils;
import io.delta.kernel.internal.data.ScanStateRow;
import io.delta.kernel.internal.util.Utils;
import io.delta.kernel.types.StructType;
import io.delta.kernel.utils.CloseableIterator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;

/**
 * Counts a Hansard table with Delta Kernel and prints the same JSON per class as {@code read_delta.py} does.
 *
 * <p>Guarantee: every value of the columns below is read from every live file of one version. Exits 1 when a
 * (log_partition, leaf) occurs twice, 2 with the reason when the table cannot be read.
 */
public final class ReadDelta {
    private static final String[] COLUMNS = {"log_partition", "row_class", "leaf", "id", "header", "contents"};

    /** What is counted of one (log_partition, row_class). */
    private static final class Counts {
        long rows;
        long leafSum;
        long leafMin = Long.MAX_VALUE;
        long leafMax = Long.MIN_VALUE;
        long headerBytes;
        long contents;
        final BitSet leaves = new BitSet();
        final Set<String> ids = new HashSet<>();

        String json() {
            boolean none = leaves.isEmpty();
            return String.format(
                    "{\"rows\": %d, \"leaf_sum\": %d, \"leaf_min\": %s, \"leaf_max\": %s, \"leaf_distinct\": %d, "
                            + "\"id_distinct\": %d, \"header_bytes\": %d, \"contents\": %d}",
                    rows, leafSum, none ? "null" : leafMin, none ? "null" : leafMax, leaves.cardinality(),
                    ids.size(), headerBytes, contents);
        }
    }

    private final Map<String, Counts> classes = new TreeMap<>();
    /** Leaves that stand once, and more than once, by partition. A finding may point at another row's leaf. */
    private final Map<Integer, BitSet> seen = new HashMap<>();
    private final Map<Integer, BitSet> doubled = new HashMap<>();

    private void add(FilteredColumnarBatch batch) {
        StructType schema = batch.getData().getSchema();
        ColumnVector[] column = new ColumnVector[COLUMNS.length];
        for (int i = 0; i < COLUMNS.length; i++) {
            column[i] = batch.getData().getColumnVector(schema.indexOf(COLUMNS[i]));
        }
        Optional<ColumnVector> selected = batch.getSelectionVector();
        for (int row = 0; row < batch.getData().getSize(); row++) {
            if (selected.isEmpty() || (!selected.get().isNullAt(row) && selected.get().getBoolean(row))) {
                addRow(column, row);
            }
        }
    }

    private void addRow(ColumnVector[] column, int row) {
        int partition = column[0].getInt(row);
        String rowClass = column[1].getString(row);
        Counts counts = classes.computeIfAbsent(partition + "/" + rowClass, k -> new Counts());
        counts.rows++;
        if (!column[2].isNullAt(row)) {
            addLeaf(counts, partition, rowClass, column[2].getLong(row));
        }
        if (!column[3].isNullAt(row)) {
            counts.ids.add(column[3].getString(row));
        }
        if (!column[4].isNullAt(row)) {
            counts.headerBytes += column[4].getBinary(row).length;
        }
        if (!column[5].isNullAt(row)) {
            ArrayValue contents = column[5].getArray(row);
            counts.contents += contents.getSize();
        }
    }

    private void addLeaf(Counts counts, int partition, String rowClass, long leaf) {
        counts.leafSum += leaf;
        counts.leafMin = Math.min(counts.leafMin, leaf);
        counts.leafMax = Math.max(counts.leafMax, leaf);
        int bit = Math.toIntExact(leaf);
        counts.leaves.set(bit);
        if (!rowClass.equals("finding")) {
            BitSet once = seen.computeIfAbsent(partition, k -> new BitSet());
            if (once.get(bit)) {
                doubled.computeIfAbsent(partition, k -> new BitSet()).set(bit);
            }
            once.set(bit);
        }
    }

    private void read(Engine engine, Snapshot snapshot) throws IOException {
        StructType wanted = new StructType();
        for (String name : COLUMNS) {
            if (snapshot.getSchema().indexOf(name) < 0) {
                throw new IllegalArgumentException("the table has no column " + name);
            }
            wanted = wanted.add(snapshot.getSchema().get(name));
        }
        Scan scan = snapshot.getScanBuilder().withReadSchema(wanted).build();
        Row state = scan.getScanState(engine);
        StructType physical = ScanStateRow.getPhysicalDataReadSchema(state);
        try (CloseableIterator<FilteredColumnarBatch> files = scan.getScanFiles(engine)) {
            while (files.hasNext()) {
                try (CloseableIterator<Row> rows = files.next().getRows()) {
                    while (rows.hasNext()) {
                        readFile(engine, state, physical, rows.next());
                    }
                }
            }
        }
    }

    private void readFile(Engine engine, Row state, StructType physical, Row file) throws IOException {
        CloseableIterator<FileReadResult> read = engine.getParquetHandler().readParquetFiles(
                Utils.singletonCloseableIterator(InternalScanFileUtils.getAddFileStatus(file)), physical, Optional.empty());
        try (CloseableIterator<FilteredColumnarBatch> batches =
                Scan.transformPhysicalData(engine, state, file, read.map(FileReadResult::getData))) {
            while (batches.hasNext()) {
                add(batches.next());
            }
        }
    }

    private long doubledLeaves() {
        return doubled.values().stream().mapToLong(BitSet::cardinality).sum();
    }

    private String json(long version) {
        StringBuilder out = new StringBuilder();
        classes.forEach((name, c) -> out.append(out.isEmpty() ? "" : ", ").append('"').append(name).append("\": ").append(c.json()));
        long rows = classes.values().stream().mapToLong(c -> c.rows).sum();
        return String.format("{\"version\": %d, \"kernel\": {\"rows\": %d, \"duplicate_leaves\": %d, \"classes\": {%s}}}",
                version, rows, doubledLeaves(), out);
    }

    /** {@code ReadDelta TABLE [--version N] [--domain NAME]}; the latter prints one domain's metadata as it stands. */
    public static void main(String[] args) {
        if (args.length != 1 && args.length != 3) {
            System.err.println("usage: ReadDelta TABLE [--version N | --domain NAME]");
            System.exit(2);
        }
        try {
            Engine engine = DefaultEngine.create(new Configuration());
            String table = args[0].contains("://") ? args[0] : Path.of(args[0]).toAbsolutePath().normalize().toString();
            var builder = TableManager.loadSnapshot(table);
            if (args.length == 3 && args[1].equals("--version")) {
                builder = builder.atVersion(Long.parseLong(args[2]));
            }
            Snapshot snapshot = builder.build(engine);
            if (args.length == 3 && args[1].equals("--domain")) {
                System.out.println(snapshot.getDomainMetadata(args[2]).orElse("null"));
                return;
            }
            ReadDelta counts = new ReadDelta();
            counts.read(engine, snapshot);
            System.out.println(counts.json(snapshot.getVersion()));
            if (counts.doubledLeaves() > 0) {
                System.err.println("ReadDelta: " + counts.doubledLeaves() + " (log_partition, leaf) pairs occur more than once");
                System.exit(1);
            }
        } catch (Exception e) {
            System.err.println("ReadDelta: cannot read " + args[0] + ": " + e);
            System.exit(2);
        }
    }
}
