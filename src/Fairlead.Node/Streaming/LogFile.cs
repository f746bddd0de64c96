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
        // Before the file is opened, so that a rotation in between is noticed.
        using var growth = options.Follow ? new FileGrowth(path) : null;
        var file = Open();
        try
        {
            if (options.TailLines is { } lines) SeekToTail(file, lines);
            var format = new CriLogFormat(options);
            var pending = new MemoryStream();
            while (!format.IsFull)
            {
                // Asked before reading: what was written before the end, or the rotation, is read after it was known.
                var ended = hasEnded();
                var rotated = growth?.TakeReplaced() == true;
                growth?.Reset();
                await CopyToEndAsync(file, pending, format, output, cancel);
                if (rotated)
                {
                    await file.DisposeAsync();
                    file = Open();
                    continue;
                }
                if (!options.Follow || ended) return;
                if (!growth!.IsReplaced) await Task.WhenAny(growth.Grown, waitForEnd).WaitAsync(cancel);
            }
        }
        finally
        {
            await file.DisposeAsync();
        }
    }

    private FileStream Open() => new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, useAsync: false);

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
    private readonly string _name;
    private TaskCompletionSource _grown = New();
    private int _replaced;

    public FileGrowth(string path)
    {
        _name = Path.GetFileName(path);
        _watcher = new FileSystemWatcher(Path.GetDirectoryName(path)!, Path.GetFileName(path)) { NotifyFilter = NotifyFilters.Size | NotifyFilters.LastWrite | NotifyFilters.FileName };
        _watcher.Changed += (_, _) => Volatile.Read(ref _grown).TrySetResult();
        _watcher.Deleted += (_, _) => Volatile.Read(ref _grown).TrySetResult();
        _watcher.Renamed += (_, change) => Replace(change.Name);
        _watcher.Created += (_, change) => Replace(change.Name);
        _watcher.EnableRaisingEvents = true;
    }

    /// <summary>Another file has taken the name.</summary>
    public bool IsReplaced => Volatile.Read(ref _replaced) != 0;

    /// <summary>The same, and forgets it.</summary>
    public bool TakeReplaced() => Interlocked.Exchange(ref _replaced, 0) != 0;

    public Task Grown => Volatile.Read(ref _grown).Task;

    public void Reset() => Volatile.Write(ref _grown, New());

    public void Dispose() => _watcher.Dispose();

    private void Replace(string? name)
    {
        // The watcher also tells when the file gets another name.
        if (name != _name) return;
        Volatile.Write(ref _replaced, 1);
        Volatile.Read(ref _grown).TrySetResult();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
