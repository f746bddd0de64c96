using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.Storage.Encryption;

/// <summary>How the objects of some kinds are stored.</summary>
/// <param name="Resources">As in an EncryptionConfiguration: <c>secrets</c>, <c>deployments.apps</c>, <c>*.apps</c>, <c>*.</c> (the core group), <c>*.*</c>.</param>
/// <param name="Ciphers">All that may have written a value, the first provider's first.</param>
/// <param name="WritesPlain">The first provider is identity.</param>
/// <param name="ReadsPlain">identity is among the providers.</param>
internal sealed record EncryptionRule(IReadOnlyList<string> Resources, IReadOnlyList<ValueCipher> Ciphers, bool WritesPlain, bool ReadsPlain)
{
    public bool IsAbout(Kind kind) => Resources.Any(resource => resource == kind.QualifiedPlural || resource == $"*.{kind.Group}" || resource == "*.*");
}

/// <summary>Which kinds are encrypted and by what; the first rule about a kind counts, kinds without one are stored as they are.</summary>
internal sealed class EncryptionPlan(IReadOnlyList<EncryptionRule> rules)
{
    public static readonly EncryptionPlan Nothing = new([]);

    /// <summary>By the prefix of the keys of each kind.</summary>
    public IReadOnlyList<(string Prefix, EncryptionRule Rule)> ByPrefix(IEnumerable<Kind> kinds) =>
    [
        .. kinds.Where(kind => kind.IsStored).Select(kind => (kind.StoragePrefix, Rule: rules.FirstOrDefault(rule => rule.IsAbout(kind))))
            .Where(pair => pair.Rule is not null).Select(pair => (pair.StoragePrefix, pair.Rule!)),
    ];
}
