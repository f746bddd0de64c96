using System.Buffers;
using Fairlead.Node.Images.Archives;

namespace Fairlead.Node.Images;

/// <summary>Content by its digest, as files (OCI image specification, image-layout.md). What is there has been verified and never changes.</summary>
internal sealed class BlobStore(string root)
{
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");
    private readonly string _blobs = $"{root}/blobs/sha256";

    /// <summary>Where content is until it is whole; resumed from there.</summary>
    public string Partial { get; } = $"{root}/partial";

    public string Place(string digest) => $"{_blobs}/{Hex(digest)}";

    public bool Has(string digest) => File.Exists(Place(digest));

    public byte[] Read(string digest, string what)
    {
        try
        {
            return File.ReadAllBytes(Place(digest));
        }
        catch (IOException e)
        {
            throw new ImageException($"{what} {digest} is not there", e);
        }
    }

    /// <summary>Keeps small content; answers its digest.</summary>
    public string Write(ReadOnlySpan<byte> content)
    {
        var digest = $"sha256:{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content))}";
        var draft = NewDraft();
        File.WriteAllBytes(draft, content);
        Keep(draft, digest);
        return digest;
    }

    /// <summary>Copies a stream to a draft; answers its digest and size. <see cref="Keep"/> takes it over.</summary>
    public (string Draft, string Digest, long Size) Draft(Action<Stream> write)
    {
        var draft = NewDraft();
        using var file = new FileStream(draft, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1);
        using var hashing = new HashingStream(file);
        write(hashing);
        return (draft, hashing.Digest, hashing.Count);
    }

    /// <summary>Gives a whole draft, whose digest the caller has computed, its place; in one step, so that a reader sees all or nothing.</summary>
    public void Keep(string draft, string digest)
    {
        Directory.CreateDirectory(_blobs);
        File.Move(draft, Place(digest), overwrite: true);
    }

    public void Delete(string digest) => File.Delete(Place(digest));

    private string NewDraft()
    {
        Directory.CreateDirectory(Partial);
        return $"{Partial}/{Guid.NewGuid():N}";
    }

    internal static string Hex(string digest) => IsDigest(digest) ? digest["sha256:".Length..] : throw new ImageException($"\"{digest}\" is no SHA-256 digest");

    private static bool IsDigest(string digest) =>
        digest.Length == 71 && digest.StartsWith("sha256:", StringComparison.Ordinal) && digest.AsSpan(7).IndexOfAnyExcept(LowerHex) < 0;
}
