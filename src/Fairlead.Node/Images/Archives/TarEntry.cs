namespace Fairlead.Node.Images.Archives;

internal enum TarKind
{
    File,
    HardLink,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Folder,
    Fifo,
}

/// <summary>One entry of a tar archive; its content follows in <see cref="TarStream"/>.</summary>
/// <param name="Path">As the archive has it; no word of it may be trusted.</param>
/// <param name="Size">Bytes of content.</param>
internal sealed record TarEntry(string Path, TarKind Kind, long Size)
{
    /// <summary>Of a link: where it points.</summary>
    public string Target { get; init; } = "";
    public uint Mode { get; init; }
    public uint User { get; init; }
    public uint Group { get; init; }
    public uint Major { get; init; }
    public uint Minor { get; init; }
    public DateTimeOffset Time { get; init; }

    /// <summary>Extended attributes of the file, as the kernel takes them.</summary>
    public IReadOnlyList<KeyValuePair<string, byte[]>> Attributes { get; init; } = [];
}
