using System.Globalization;

namespace Fairlead.ApiServer.Security.Audit;

/// <summary>
/// A file of lines that is put aside when it is full: <c>audit.log</c> becomes <c>audit-2026-11-23T10-34-36.123.log</c>, and of those
/// the oldest go. Only root reads it. One thread at a time.
/// </summary>
internal sealed class RotatingFile : IDisposable
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH-mm-ss.fff";

    private readonly string _path;
    private readonly long _maxBytes;
    private readonly int _maxBackups;
    private readonly int _maxDays;
    private readonly TimeProvider _time;
    private FileStream _file;

    /// <param name="maxBytes">0: no limit; so with the others.</param>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public RotatingFile(string path, long maxBytes, int maxBackups, int maxDays, TimeProvider time)
    {
        (_path, _maxBytes, _maxBackups, _maxDays, _time) = (Path.GetFullPath(path), maxBytes, maxBackups, maxDays, time);
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        _file = Open();
        Prune();
    }

    /// <summary>Adds a line, which has its end; it is with the operating system after <see cref="Flush"/>.</summary>
    public void Write(ReadOnlySpan<byte> line)
    {
        if (_maxBytes > 0 && _file.Length > 0 && _file.Position + line.Length > _maxBytes) Rotate();
        _file.Write(line);
    }

    public void Flush() => _file.Flush();

    public void Dispose() => _file.Dispose();

    private FileStream Open()
    {
        var file = new FileStream(_path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 64 * 1024,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        file.Seek(0, SeekOrigin.End);
        return file;
    }

    private void Rotate()
    {
        _file.Dispose();
        var aside = Aside(_time.GetUtcNow());
        // Two in one millisecond are no reason to lose the first.
        for (var later = 1; File.Exists(aside); later++) aside = Aside(_time.GetUtcNow().AddMilliseconds(later));
        try
        {
            File.Move(_path, aside);
        }
        finally
        {
            // Where it could not be put aside, it grows.
            _file = Open();
        }
        Prune();
    }

    private string Aside(DateTimeOffset at) => Path.Combine(
        Path.GetDirectoryName(_path)!, $"{Path.GetFileNameWithoutExtension(_path)}-{at.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}{Path.GetExtension(_path)}");

    private void Prune()
    {
        var kept = Backups().OrderByDescending(backup => backup.At).ToList();
        var oldest = _maxDays > 0 ? _time.GetUtcNow().AddDays(-_maxDays) : DateTimeOffset.MinValue;
        for (var i = 0; i < kept.Count; i++)
        {
            if ((_maxBackups > 0 && i >= _maxBackups) || kept[i].At < oldest) File.Delete(kept[i].File);
        }
    }

    private IEnumerable<(string File, DateTimeOffset At)> Backups()
    {
        var (prefix, extension) = (Path.GetFileNameWithoutExtension(_path) + "-", Path.GetExtension(_path));
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(_path)!, $"{prefix}*{extension}"))
        {
            var middle = Path.GetFileName(file)[prefix.Length..^extension.Length];
            if (DateTimeOffset.TryParseExact(middle, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)) yield return (file, at);
        }
    }
}
