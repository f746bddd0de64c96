using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Linux.Passwords;

namespace Fairlead.Ingress.Proxy;

/// <summary>The hashes of htpasswd: apr1 (its default), bcrypt, {SHA}, {SSHA}, {PLAIN}, and whatever crypt(3) knows.</summary>
internal static class Passwords
{
    private const string Alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const int Sha1Length = 20;
    private const int Remembered = 1024;
    private static readonly byte[] ProcessKey = RandomNumberGenerator.GetBytes(32);
    private static readonly ConcurrentDictionary<string, bool> Known = new();

    /// <summary>As <see cref="Verify"/>; passwords that were right are remembered as keyed hashes, since bcrypt is slow on purpose and a browser sends them with each request.</summary>
    internal static bool VerifyRemembering(string password, string hash)
    {
        var key = Convert.ToBase64String(HMACSHA256.HashData(ProcessKey, Encoding.UTF8.GetBytes($"{hash}\n{password}")));
        if (Known.ContainsKey(key)) return true;
        if (!Verify(password, hash)) return false;
        if (Known.Count >= Remembered) Known.Clear();
        Known[key] = true;
        return true;
    }

#pragma warning disable CA5350, CA5351 // Which hash it is, the file says.
    internal static bool Verify(string password, string hash)
    {
        var bytes = Encoding.UTF8.GetBytes(password);
        if (hash.StartsWith("$apr1$", StringComparison.Ordinal)) return Same(Apr1(bytes, hash), hash);
        if (hash.StartsWith("{SHA}", StringComparison.Ordinal)) return Same("{SHA}" + Convert.ToBase64String(SHA1.HashData(bytes)), hash);
        if (hash.StartsWith("{PLAIN}", StringComparison.Ordinal)) return Same("{PLAIN}" + password, hash);
        if (!hash.StartsWith("{SSHA}", StringComparison.Ordinal)) return Crypt.Verify(password, hash);
        var decoded = new byte[hash.Length];
        if (!Convert.TryFromBase64String(hash[6..], decoded, out var length) || length <= Sha1Length) return false;
        return CryptographicOperations.FixedTimeEquals(SHA1.HashData([.. bytes, .. decoded.AsSpan(Sha1Length, length - Sha1Length)]), decoded.AsSpan(0, Sha1Length));
    }

    /// <summary>Apache's MD5 in a thousand rounds (https://httpd.apache.org/docs/2.4/misc/password_encryptions.html).</summary>
    private static string Apr1(byte[] password, string hash)
    {
        var saltText = hash.Split('$', 4)[2];
        if (saltText.Length > 8) saltText = saltText[..8];
        var salt = Encoding.UTF8.GetBytes(saltText);
        var inner = MD5.HashData([.. password, .. salt, .. password]);
        using var first = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        first.AppendData([.. password, .. "$apr1$"u8, .. salt]);
        for (var left = password.Length; left > 0; left -= 16) first.AppendData(inner.AsSpan(0, Math.Min(16, left)));
        for (var bits = password.Length; bits > 0; bits >>= 1) first.AppendData((bits & 1) != 0 ? [0] : password.AsSpan(0, 1));
        var sum = first.GetHashAndReset();
        for (var round = 0; round < 1000; round++)
        {
            var odd = (round & 1) != 0;
            sum = MD5.HashData([.. odd ? password : sum, .. round % 3 != 0 ? salt : [], .. round % 7 != 0 ? password : [], .. odd ? sum : password]);
        }
        var text = new StringBuilder("$apr1$").Append(saltText).Append('$');
        foreach (var (a, b, c) in (ReadOnlySpan<(int, int, int)>)[(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)])
            Append(text, (sum[a] << 16) | (sum[b] << 8) | sum[c], 4);
        Append(text, sum[11], 2);
        return text.ToString();
    }
#pragma warning restore CA5350, CA5351

    private static void Append(StringBuilder text, int value, int count)
    {
        for (; count > 0; count--, value >>= 6) text.Append(Alphabet[value & 0x3f]);
    }

    private static bool Same(string one, string other) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));
}
