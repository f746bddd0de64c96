using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Storage.Encryption;

/// <summary>
/// Reads an EncryptionConfiguration (Kubernetes documentation: "Encrypting Confidential Data at Rest"). There are the providers aesgcm,
/// aescbc and identity; secretbox and kms are refused.
/// </summary>
internal static class EncryptionConfiguration
{
    private const string Option = "--encryption-provider-config";
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
    private static readonly string[] Versions = ["apiserver.config.k8s.io/v1"];

    /// <exception cref="ApiServerOptionsException">It cannot be read, is wrong, or is open to others than its owner.</exception>
    public static EncryptionPlan Read(string file)
    {
        if (File.Exists(file) && !OperatingSystem.IsWindows() && File.GetUnixFileMode(file) is var mode && (mode & Others) != 0)
            throw new ApiServerOptionsException($"{Option} {file} has keys in it and is open to others (mode {Convert.ToString((int)mode, 8)}): chmod 600 {file}");
        return ConfigFile.Read(Option, file, "EncryptionConfiguration", Versions, Parse);
    }

    /// <exception cref="ApiServerOptionsException">It is wrong.</exception>
    public static EncryptionPlan ReadText(string text) => ConfigFile.Parse(Option, text, "EncryptionConfiguration", Versions, Parse);

    private static EncryptionPlan Parse(ConfigNode configuration)
    {
        configuration.Only("apiVersion", "kind", "resources");
        var rules = configuration.Items("resources").Select(Rule).ToList();
        if (rules.Count == 0) configuration.Wrong("resources", "there is nothing to encrypt; name at least secrets");
        return new EncryptionPlan(rules);
    }

    private static EncryptionRule Rule(ConfigNode rule)
    {
        rule.Only("resources", "providers");
        var resources = rule.Texts("resources");
        if (resources.Count == 0) rule.Wrong("resources", "name the resources, for example secrets");
        var ciphers = new List<ValueCipher>();
        var providers = rule.Items("providers");
        if (providers.Count == 0) rule.Wrong("providers", "name at least one provider");
        var plainAt = -1;
        for (var i = 0; i < providers.Count; i++)
        {
            var provider = providers[i].Only("aesgcm", "aescbc", "identity", "secretbox", "kms");
            foreach (var unknown in (ReadOnlySpan<string>)["secretbox", "kms"])
            {
                if (provider.Has(unknown)) provider.Wrong(unknown, "there is no such provider here; there are aesgcm, aescbc and identity");
            }
            if (provider.Object("aesgcm") is { } gcm) ciphers.AddRange(Keys(gcm).Select(key => new AesGcmCipher(key.Name, key.Secret)));
            else if (provider.Object("aescbc") is { } cbc) ciphers.AddRange(Keys(cbc).Select(key => new AesCbcCipher(key.Name, key.Secret)));
            else if (provider.Object("identity") is not null) plainAt = i;
        }
        return new EncryptionRule(resources, ciphers, plainAt == 0, plainAt >= 0);
    }

    private static IEnumerable<(string Name, byte[] Secret)> Keys(ConfigNode provider)
    {
        provider.Only("keys");
        var keys = provider.Items("keys");
        if (keys.Count == 0) provider.Wrong("keys", "there is no key");
        foreach (var key in keys)
        {
            key.Only("name", "secret");
            var name = key.Text("name");
            if (name.Length == 0) key.Wrong("name", "a key needs a name");
            if (name.Contains(':', StringComparison.Ordinal)) key.Wrong("name", "there must be no colon in it");
            var secret = Secret(key);
            if (secret is not null) yield return (name, secret);
        }
    }

    /// <summary>Never shown, whatever is wrong with it.</summary>
    private static byte[]? Secret(ConfigNode key)
    {
        try
        {
            var secret = Convert.FromBase64String(key.Text("secret"));
            if (secret.Length is 16 or 24 or 32) return secret;
            key.Wrong("secret", $"it has {secret.Length} bytes; a key of AES has 16, 24 or 32 (head -c 32 /dev/urandom | base64)");
        }
        catch (FormatException)
        {
            key.Wrong("secret", "must be base64 (head -c 32 /dev/urandom | base64)");
        }
        return null;
    }
}
