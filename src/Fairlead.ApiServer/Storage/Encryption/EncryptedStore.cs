using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.ApiServer.Storage.Encryption;

/// <summary>
/// A store whose values are encrypted on their way to another, by what they are of; keys and revisions stay as they are. It also stands
/// before a store without any rule, to say what is wrong when values are found encrypted.
/// </summary>
/// <param name="rules">From <see cref="EncryptionPlan.ByPrefix"/>.</param>
internal sealed class EncryptedStore(IStore store, IReadOnlyList<(string Prefix, EncryptionRule Rule)> rules) : IStore
{
    private static readonly byte[] Mark = Encoding.UTF8.GetBytes(ValueCipher.Mark);
    private readonly ConcurrentDictionary<string, bool> _stale = new();

    /// <summary>Whether the value is stored otherwise than it would be now: a write of it changes something even where the object is the same.</summary>
    public bool IsStale(string key) => _stale.ContainsKey(key);

    /// <exception cref="StoreException">A value cannot be decrypted; the message says which and why.</exception>
    public Task OpenAsync(IStoreSink sink, CancellationToken cancel) => store.OpenAsync(new DecryptingSink(this, sink), cancel);

    public Task<StoreResult> WriteAsync(StoreWrite write, CancellationToken cancel) => store.WriteAsync(write with { Value = Encrypt(write.Key, write.Value) }, cancel);

    public bool IsShared => store.IsShared;

    public TimeSpan Age => store.Age;

    public string? Trouble => store.Trouble;

    public ValueTask<TimeSpan> CatchUpAsync(CancellationToken cancel) => store.CatchUpAsync(cancel);

    public ValueTask DisposeAsync() => store.DisposeAsync();

    private byte[]? Encrypt(string key, byte[]? value) =>
        value is not null && RuleOf(key) is { WritesPlain: false } rule ? rule.Ciphers[0].Encrypt(key, value) : value;

    private StoreEntry Decrypt(StoreEntry entry)
    {
        var rule = RuleOf(entry.Key);
        if (entry.Value is not { } stored) _stale.TryRemove(entry.Key, out _);
        else if (stored.AsSpan().StartsWith(Mark))
        {
            var cipher = rule?.Ciphers.FirstOrDefault(cipher => cipher.Wrote(stored)) ?? throw Unknown(entry.Key, stored);
            Remember(entry.Key, rule!.WritesPlain || cipher != rule.Ciphers[0]);
            return entry with { Value = Decrypt(cipher, entry.Key, stored) };
        }
        else if (rule is not null)
        {
            if (!rule.ReadsPlain) throw new StoreException($"{entry.Key} is not encrypted, and --encryption-provider-config names no provider identity for it; add `- identity: {{}}` as the last of its providers");
            Remember(entry.Key, !rule.WritesPlain);
        }
        return entry;
    }

    private void Remember(string key, bool isStale)
    {
        if (isStale) _stale[key] = true;
        else _stale.TryRemove(key, out _);
    }

    private static byte[] Decrypt(ValueCipher cipher, string key, byte[] stored)
    {
        try
        {
            return cipher.Decrypt(key, stored);
        }
        catch (CryptographicException e)
        {
            throw new StoreException($"{key} cannot be decrypted with the key \"{cipher.Name}\" of --encryption-provider-config: the secret is not the one that it was encrypted with, or the value is damaged", e);
        }
    }

    private static StoreException Unknown(string key, byte[] stored)
    {
        // k8s:enc:PROVIDER:v1:NAME:
        var parts = Encoding.UTF8.GetString(stored.AsSpan(0, Math.Min(stored.Length, 256))).Split(':', 6);
        var (provider, name) = parts is [_, _, var of, _, var named, _] ? (of, named) : ("an unknown provider", "");
        return new StoreException($"{key} is encrypted by {provider} with the key \"{name}\", which --encryption-provider-config does not name for it");
    }

    private EncryptionRule? RuleOf(string key)
    {
        foreach (var (prefix, rule) in rules)
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal)) return rule;
        }
        return null;
    }

    private sealed class DecryptingSink(EncryptedStore store, IStoreSink sink) : IStoreSink
    {
        public void Found(StoreEntry entry) => sink.Found(store.Decrypt(entry));

        public void Opened(long revision) => sink.Opened(revision);

        public void Committed(ReadOnlySpan<StoreEntry> changes)
        {
            var plain = new StoreEntry[changes.Length];
            for (var i = 0; i < plain.Length; i++) plain[i] = store.Decrypt(changes[i]);
            sink.Committed(plain);
        }
    }
}
