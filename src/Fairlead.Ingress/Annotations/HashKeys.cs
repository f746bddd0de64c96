using System.Text.RegularExpressions;

namespace Fairlead.Ingress.Annotations;

/// <summary>Reads nginx' notation of what to hash by: $request_uri, $remote_addr, $http_NAME, $cookie_NAME, $arg_NAME, …, and text between them.</summary>
internal static partial class HashKeys
{
    internal static readonly ValueKind<HashKey> Kind = new(
        "variables among $request_uri, $uri, $args, $host, $remote_addr, $binary_remote_addr, $http_NAME, $cookie_NAME, $arg_NAME", TryParse);

    private static bool TryParse(string text, out HashKey key)
    {
        var parts = new List<HashPart>();
        foreach (Match match in Pieces().Matches(text))
        {
            if (match.Groups["text"].Success)
            {
                parts.Add(new HashPart(HashSource.Text, match.Value));
                continue;
            }
            if (Variable(match.Groups["name"].Value) is not { } part)
            {
                parts.Clear();
                break;
            }
            parts.Add(part);
        }
        key = new HashKey(new(parts));
        return parts.Any(part => part.Source != HashSource.Text) && !parts.Any(part => part.Source == HashSource.Text && part.Name.Contains('$', StringComparison.Ordinal));
    }

    private static HashPart? Variable(string name) => name switch
    {
        "request_uri" => new(HashSource.RequestUri, ""),
        "uri" or "document_uri" => new(HashSource.Uri, ""),
        "args" or "query_string" => new(HashSource.Arguments, ""),
        "host" or "http_host" => new(HashSource.Host, ""),
        "remote_addr" or "binary_remote_addr" => new(HashSource.RemoteAddress, ""),
        _ when name.StartsWith("http_", StringComparison.Ordinal) => new(HashSource.Header, name[5..].Replace('_', '-')),
        _ when name.StartsWith("cookie_", StringComparison.Ordinal) => new(HashSource.Cookie, name[7..]),
        _ when name.StartsWith("arg_", StringComparison.Ordinal) => new(HashSource.Argument, name[4..]),
        _ => null,
    };

    [GeneratedRegex(@"\$\{(?<name>\w+)\}|\$(?<name>\w+)|(?<text>[^$]+|\$)")]
    private static partial Regex Pieces();
}
