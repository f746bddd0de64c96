namespace Fairlead.Node.Streaming;

/// <summary>Reads a container's log file to its end, and on while the container writes.</summary>
internal sealed class LogFile(string path, LogOptions options)
{
    private const int ChunkBytes = 32 * 1024;

    /// <param name="output">Gets the text; flushed after each batch.</param>
    /// <param name="hasEnded">Whether the container has ended, and so wrote all that it ever will.</param>
    /// <param name="waitForEnd">Completes when the container ends.</param>
    public async Task CopyAsync(Stream output, Func<bool> hasEnded, Task waitForEnd, CancellationToken cancel)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, useAsync: false);
        if (options.TailLines is { } lines) SeekToTail(file, lines);
        using var growth = options.Follow ? new FileGrowth(path) : null;
        var format = new CriLogFormat(options);
        var pending = new MemoryStream();
        while (!format.IsFull)
        {
            // Asked before reading: what was written before the end is read after it was known.
            var ended = hasEnded();
            growth?.Reset();
            await CopyToEndAsync(file, pending, format, output, cancel);
            if (!options.Follow || ended) return;
            await Task.WhenAny(growth!.Grown, waitForEnd).WaitAsync(cancel);
        }
    }

    private static async Task CopyToEndAsync(FileStream file, MemoryStream pending, CriLogFormat format, Stream output, CancellationToken cancel)
    {
        var buffer = new byte[ChunkBytes];
        var text = new MemoryStream();
        while (!format.IsFull && await file.ReadAsync(buffer, cancel) is var count and > 0)
        {
            Split(buffer.AsSpan(0, count), pending, format, text);
            if (text.Length == 0) continue;
            await output.WriteAsync(text.GetBuffer().AsMemory(0, (int)text.Length), cancel);
            text.SetLength(0);
        }
        await output.FlushAsync(cancel);
    }

    /// <summary>What has no line end yet waits in <paramref name="pending"/>.</summary>
    private static void Split(ReadOnlySpan<byte> bytes, MemoryStream pending, CriLogFormat format, MemoryStream text)
    {
        while (bytes.IndexOf((byte)'\n') is var end and >= 0)
        {
            if (pending.Length > 0)
            {
                pending.Write(bytes[..end]);
                format.Append(pending.GetBuffer().AsSpan(0, (int)pending.Length), text);
                pending.SetLength(0);
            }
            else
            {
                format.Append(bytes[..end], text);
            }
            bytes = bytes[(end + 1)..];
        }
        pending.Write(bytes);
    }

    /// <summary>Goes back over as many line ends as are wanted, from the end of the file.</summary>
    private static void SeekToTail(FileStream file, long lines)
    {
        var buffer = new byte[ChunkBytes];
        var position = file.Length;
        // The last line end ends the last line; it is no boundary between two.
        var found = -1L;
        while (position > 0)
        {
            var count = (int)Math.Min(buffer.Length, position);
            file.Position = position - count;
            file.ReadExactly(buffer, 0, count);
            for (var i = count - 1; i >= 0; i--)
            {
                if (buffer[i] != (byte)'\n' || ++found < lines) continue;
                file.Position = position - count + i + 1;
                return;
            }
            position -= count;
        }
        file.Position = lines == 0 ? file.Length : 0;
    }
}

/// <summary>Tells when a file has been written to.</summary>
internal sealed class FileGrowth : IDisposable
{
    private readonly FileSystemWatcher _watcher;
    private TaskCompletionSource _grown = New();

    public FileGrowth(string path)
    {
        _watcher = new FileSystemWatcher(Path.GetDirectoryName(path)!, Path.GetFileName(path)) { NotifyFilter = NotifyFilters.Size | NotifyFilters.LastWrite };
        _watcher.Changed += (_, _) => Volatile.Read(ref _grown).TrySetResult();
        _watcher.Deleted += (_, _) => Volatile.Read(ref _grown).TrySetResult();
        _watcher.EnableRaisingEvents = true;
    }

    public Task Grown => Volatile.Read(ref _grown).Task;

    public void Reset() => Volatile.Write(ref _grown, New());

    public void Dispose() => _watcher.Dispose();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
