using Fairlead.Node.Images.Archives;

namespace Fairlead.Node.Images;

/// <summary>Layers unpacked, each once, by the digest of its plain archive (its diff id): the lower folders of containers.</summary>
internal sealed class LayerStore(string root, BlobStore blobs, TimeProvider time)
{
    /// <summary>
    /// Of 64: mount(2) takes a page of options, and an image may have a hundred layers. 96 bits are beyond any that collide by chance.
    /// </summary>
    private const int NameLength = 24;
    private readonly string _layers = $"{root}/l";

    public string Folder(string diffId) => $"{_layers}/{BlobStore.Hex(diffId)[..NameLength]}";

    public bool Has(string diffId) => Directory.Exists(Folder(diffId));

    /// <summary>Unpacks the layer unless it is there.</summary>
    /// <exception cref="ImageException">It is broken, or not what its digest says.</exception>
    public async Task UnpackAsync(string blob, string diffId, CancellationToken cancel)
    {
        if (Has(diffId)) return;
        using var turn = await FolderLock.TakeAsync($"{root}/locks/{BlobStore.Hex(diffId)[..2]}", time, cancel);
        if (Has(diffId)) return;
        var draft = $"{_layers}/.{Guid.NewGuid():N}";
        try
        {
            await Task.Run(() => Unpack(blob, diffId, draft, cancel), cancel);
            Directory.Move(draft, Folder(diffId));
        }
        catch (Exception e) when (e is InvalidDataException or ZstdSharp.ZstdException or EndOfStreamException)
        {
            throw new ImageException($"layer {blob}: {e.Message}", e);
        }
        finally
        {
            if (Directory.Exists(draft)) Directory.Delete(draft, recursive: true);
        }
    }

    /// <summary>Takes the layer out of the way in one step, and deletes it unless something turns out to use it after all.</summary>
    public void Delete(string diffId, Func<string, bool> isUsed)
    {
        var folder = Folder(diffId);
        if (!Directory.Exists(folder)) return;
        var aside = $"{_layers}/.{Guid.NewGuid():N}";
        Directory.Move(folder, aside);
        // A container notes its layers before it mounts them: one that found this folder until just now is seen here.
        if (isUsed(folder)) Directory.Move(aside, folder);
        else Directory.Delete(aside, recursive: true);
    }

    private void Unpack(string blob, string diffId, string draft, CancellationToken cancel)
    {
        Directory.CreateDirectory(draft);
        using var file = new FileStream(blobs.Place(blob), FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        using var plain = Compression.Open(file);
        using var hashing = new HashingStream(plain);
        new LayerUnpacker(draft).Unpack(hashing, cancel);
        if (hashing.Digest != diffId) throw new ImageException($"layer {blob} unpacks to {hashing.Digest}, but its image says {diffId}");
    }
}
