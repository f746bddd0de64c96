using Fairlead.Kube;

namespace Fairlead.Ingress.Routes;

/// <summary>Lines as htpasswd writes them: NAME:HASH.</summary>
internal static class PasswordFile
{
    /// <summary>Users with their hashes; lines that are none are left out.</summary>
    internal static EquatableArray<KeyValuePair<string, string>> Read(string text) => new(
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(line => line[0] != '#' && line.IndexOf(':', StringComparison.Ordinal) > 0)
            .Select(line => line.Split(':', 3))
            .Select(parts => KeyValuePair.Create(parts[0], parts[1])));
}
