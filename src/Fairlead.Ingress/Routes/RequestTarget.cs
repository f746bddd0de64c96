using System.Text;

namespace Fairlead.Ingress.Routes;

/// <summary>
/// The target of a request line (RFC 9112, section 3.2) and its path as routes are compared with it. As nginx does: percent signs decoded, repeated
/// slashes merged, "." and ".." resolved. Pods receive the target as it came, unless an annotation rewrites it.
/// </summary>
/// <param name="Raw">Path and query as they came; an absolute target without scheme and host.</param>
/// <param name="Path">Normalized path.</param>
/// <param name="Query">With its question mark; empty without.</param>
internal readonly record struct RequestTarget(string Raw, string Path, string Query)
{
    private const int LongestOnStack = 512;

    /// <summary>Null for a target that is refused with 400: no path, a bad escape, a NUL, or one that climbs above the root.</summary>
    internal static RequestTarget? Parse(string target)
    {
        if (target.Length == 0) return null;
        if (target[0] != '/')
        {
            var authority = target.IndexOf("://", StringComparison.Ordinal);
            if (authority < 0) return null;
            var slash = target.AsSpan(authority + 3).IndexOfAny('/', '?');
            target = slash < 0 ? "/" : target[(authority + 3 + slash)..];
            if (target[0] == '?') target = "/" + target;
        }
        // A fragment is none of a server's business; nginx matches without it.
        var hash = target.IndexOf('#', StringComparison.Ordinal);
        var matched = hash < 0 ? target : target[..hash];
        var mark = matched.IndexOf('?', StringComparison.Ordinal);
        var path = mark < 0 ? matched : matched[..mark];
        var query = mark < 0 ? "" : matched[mark..];
        if (!NeedsWork(path)) return new RequestTarget(target, path, query);
        return Normalize(path) is { } normal ? new RequestTarget(target, normal, query) : null;
    }

    private static bool NeedsWork(string path) =>
        path.AsSpan().ContainsAny('%', '\0') || path.Contains("//", StringComparison.Ordinal) || path.Contains("/.", StringComparison.Ordinal);

    private static string? Normalize(string path)
    {
        Span<byte> bytes = path.Length <= LongestOnStack / 3 ? stackalloc byte[LongestOnStack] : new byte[Encoding.UTF8.GetMaxByteCount(path.Length)];
        var length = Decode(bytes, Encoding.UTF8.GetBytes(path, bytes));
        if (length < 0) return null;
        length = Resolve(bytes[..length]);
        // Latin-1 where the bytes are no UTF-8, so that no two different paths become one.
        if (length < 0) return null;
        var normal = bytes[..length];
        return System.Text.Unicode.Utf8.IsValid(normal) ? Encoding.UTF8.GetString(normal) : Encoding.Latin1.GetString(normal);
    }

    private static int Decode(Span<byte> bytes, int length)
    {
        var to = 0;
        for (var from = 0; from < length; from++)
        {
            var value = bytes[from];
            if (value == '%')
            {
                if (from + 2 >= length || !char.IsAsciiHexDigit((char)bytes[from + 1]) || !char.IsAsciiHexDigit((char)bytes[from + 2])) return -1;
                value = (byte)((Convert.ToInt32(((char)bytes[from + 1]).ToString(), 16) << 4) | Convert.ToInt32(((char)bytes[from + 2]).ToString(), 16));
                from += 2;
            }
            if (value == 0) return -1;
            bytes[to++] = value;
        }
        return to;
    }

    /// <summary>RFC 3986, section 5.2.4, and one slash for several; -1 above the root.</summary>
    private static int Resolve(Span<byte> path)
    {
        var to = 0;
        var from = 0;
        while (from < path.Length)
        {
            // At a slash: what follows it is one segment.
            var end = path[(from + 1)..].IndexOf((byte)'/');
            end = end < 0 ? path.Length : from + 1 + end;
            var segment = path[(from + 1)..end];
            var isLast = end == path.Length;
            if (segment.SequenceEqual(".."u8))
            {
                if (to == 0) return -1;
                to = path[..to].LastIndexOf((byte)'/');
                if (isLast) path[to++] = (byte)'/';
            }
            else if (segment.Length == 0 || segment.SequenceEqual("."u8))
            {
                if (isLast) path[to++] = (byte)'/';
            }
            else
            {
                path[from..end].CopyTo(path[to..]);
                to += end - from;
            }
            from = end;
        }
        return to;
    }
}
