using System.Net;
using Fairlead.Node.Images.Archives;

namespace Fairlead.Node.Images.Registry;

/// <summary>Fetches one blob into the store: goes on where an earlier try broke off, and keeps nothing that is not what its digest says.</summary>
internal sealed class BlobDownload(RegistryConnection registry, ImageStore store, TimeSpan longestSilence, IProgress<ImageProgress>? progress)
{
    /// <summary>Tries in a row of which none brought a byte.</summary>
    private const int MostTries = 5;
    private const int ChunkBytes = 128 * 1024;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);

    /// <exception cref="ImageException">It cannot be had.</exception>
    public async Task RunAsync(Descriptor blob, CancellationToken cancel)
    {
        if (store.Blobs.Has(blob.Digest)) return;
        using var turn = await FolderLock.TakeAsync($"{store.Root}/locks/{BlobStore.Hex(blob.Digest)[..2]}", store.Time, cancel);
        if (store.Blobs.Has(blob.Digest)) return;
        var path = $"{store.Blobs.Partial}/{BlobStore.Hex(blob.Digest)}";
        var pause = FirstPause;
        for (var tries = 0; ;)
        {
            var before = Length(path);
            try
            {
                var digest = await FetchAsync(blob, path, cancel);
                if (digest == blob.Digest && (blob.Size == 0 || Length(path) == blob.Size)) break;
                File.Delete(path);
                throw new ImageException($"{blob.Digest}: the registry sent {digest}");
            }
            catch (Exception e) when ((e is HttpRequestException || e is IOException and not ImageException) && !cancel.IsCancellationRequested)
            {
                tries = Length(path) > before ? 0 : tries + 1;
                if (tries >= MostTries) throw new ImageException($"{blob.Digest}: {e.Message}", e);
                await Task.Delay(pause, store.Time, cancel);
                pause *= 2;
            }
        }
        store.Blobs.Keep(path, blob.Digest);
    }

    /// <summary>Appends what is missing; answers the digest of the whole.</summary>
    private async Task<string> FetchAsync(Descriptor blob, string path, CancellationToken cancel)
    {
        await using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        using var hashing = new HashingStream(Stream.Null);
        await RehashAsync(file, hashing, cancel);
        if (blob.Size > 0 && hashing.Count >= blob.Size) return hashing.Digest;
        using var answer = await registry.GetAsync("blobs", blob.Digest, [], hashing.Count, cancel);
        if (answer.StatusCode == HttpStatusCode.OK && hashing.Count > 0)
        {
            // It sends all again.
            file.SetLength(0);
            return await FetchFromStartAsync(blob, answer, file, cancel);
        }
        if (!answer.IsSuccessStatusCode) throw new ImageException($"{blob.Digest}: the registry answered {(int)answer.StatusCode} {answer.ReasonPhrase}");
        await AppendAsync(blob, answer, file, hashing, cancel);
        return hashing.Digest;
    }

    private async Task<string> FetchFromStartAsync(Descriptor blob, HttpResponseMessage answer, FileStream file, CancellationToken cancel)
    {
        using var hashing = new HashingStream(Stream.Null);
        await AppendAsync(blob, answer, file, hashing, cancel);
        return hashing.Digest;
    }

    private async Task AppendAsync(Descriptor blob, HttpResponseMessage answer, FileStream file, HashingStream hashing, CancellationToken cancel)
    {
        using var silence = new CancellationTokenSource(longestSilence, store.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancel);
        await using var content = await answer.Content.ReadAsStreamAsync(cancel);
        var buffer = new byte[ChunkBytes];
        try
        {
            while (await content.ReadAsync(buffer, either.Token) is var count and > 0)
            {
                hashing.Add(buffer.AsSpan(0, count));
                if (blob.Size > 0 && hashing.Count > blob.Size) return;
                await file.WriteAsync(buffer.AsMemory(0, count), cancel);
                silence.CancelAfter(longestSilence);
                progress?.Report(new("pulling", ImageStore.Short(blob.Digest), hashing.Count, blob.Size));
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new IOException($"the registry sent nothing for {longestSilence.TotalSeconds:F0} s");
        }
        if (blob.Size > 0 && hashing.Count < blob.Size) throw new IOException($"the registry ended after {hashing.Count} of {blob.Size} bytes");
    }

    private static async Task RehashAsync(FileStream file, HashingStream hashing, CancellationToken cancel)
    {
        var buffer = new byte[ChunkBytes];
        while (await file.ReadAsync(buffer, cancel) is var count and > 0) hashing.Add(buffer.AsSpan(0, count));
    }

    private static long Length(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;
}
