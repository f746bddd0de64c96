using System.Security.Cryptography;
using System.Text;

namespace Fairlead.ApiServer.Storage.Encryption;

/// <summary>
/// One key of one provider. What it encrypts begins with the provider's and the key's name, as Kubernetes has it in etcd:
/// <c>k8s:enc:aesgcm:v1:NAME:</c>. The bytes behind it: aesgcm nonce (12), ciphertext, tag (16); aescbc vector (16), ciphertext.
/// </summary>
internal abstract class ValueCipher(string provider, string name)
{
    public const string Mark = "k8s:enc:";

    public string Name => name;

    public byte[] Prefix { get; } = Encoding.UTF8.GetBytes($"{Mark}{provider}:v1:{name}:");

    public bool Wrote(ReadOnlySpan<byte> stored) => stored.StartsWith(Prefix);

    /// <param name="key">Where the value is stored: with aesgcm it can be read back from nowhere else.</param>
    public abstract byte[] Encrypt(string key, ReadOnlySpan<byte> value);

    /// <exception cref="CryptographicException">It was encrypted by another key, for another place, or is damaged.</exception>
    public abstract byte[] Decrypt(string key, ReadOnlySpan<byte> stored);
}

internal sealed class AesGcmCipher(string name, byte[] secret) : ValueCipher("aesgcm", name)
{
    private const int Nonce = 12, Tag = 16;

    public override byte[] Encrypt(string key, ReadOnlySpan<byte> value)
    {
        var stored = new byte[Prefix.Length + Nonce + value.Length + Tag];
        Prefix.CopyTo(stored, 0);
        var nonce = stored.AsSpan(Prefix.Length, Nonce);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(secret, Tag);
        aes.Encrypt(nonce, value, stored.AsSpan(Prefix.Length + Nonce, value.Length), stored.AsSpan(stored.Length - Tag), Encoding.UTF8.GetBytes(key));
        return stored;
    }

    public override byte[] Decrypt(string key, ReadOnlySpan<byte> stored)
    {
        var body = stored[Prefix.Length..];
        if (body.Length < Nonce + Tag) throw new CryptographicException("the value is too short");
        var value = new byte[body.Length - Nonce - Tag];
        using var aes = new AesGcm(secret, Tag);
        aes.Decrypt(body[..Nonce], body[Nonce..^Tag], body[^Tag..], value, Encoding.UTF8.GetBytes(key));
        return value;
    }
}

internal sealed class AesCbcCipher(string name, byte[] secret) : ValueCipher("aescbc", name)
{
    private const int Vector = 16;

    public override byte[] Encrypt(string key, ReadOnlySpan<byte> value)
    {
        using var aes = Aes.Create();
        aes.Key = secret;
        var vector = RandomNumberGenerator.GetBytes(Vector);
        return [.. Prefix, .. vector, .. aes.EncryptCbc(value, vector)];
    }

    public override byte[] Decrypt(string key, ReadOnlySpan<byte> stored)
    {
        var body = stored[Prefix.Length..];
        if (body.Length < 2 * Vector) throw new CryptographicException("the value is too short");
        using var aes = Aes.Create();
        aes.Key = secret;
        return aes.DecryptCbc(body[Vector..], body[..Vector]);
    }
}
