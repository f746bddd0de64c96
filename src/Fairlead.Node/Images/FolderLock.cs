namespace Fairlead.Node.Images;

/// <summary>
/// A lock between tasks and processes: a file held by flock(2), which the kernel lets go of when its holder ends, however it ends.
/// The file stays; removing it would let two hold the same name.
/// </summary>
internal static class FolderLock
{
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(10);

    /// <summary>Waits for the lock; disposing gives it on.</summary>
    public static async Task<IDisposable> TakeAsync(string path, TimeProvider time, CancellationToken cancel)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        while (true)
        {
            if (TryTake(path) is { } taken) return taken;
            await Task.Delay(PollEvery, time, cancel);
        }
    }

    private static FileStream? TryTake(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }
}
