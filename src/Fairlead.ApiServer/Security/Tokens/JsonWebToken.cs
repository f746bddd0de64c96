using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Security.Tokens;

/// <summary>Signed tokens of one form alone: ES256 by one known key (RFC 7515, RFC 7518 section 3.4). Whatever else a token claims to be, it is refused.</summary>
internal static class JsonWebToken
{
    private const string Algorithm = "ES256";

    public static string Sign(JsonObject claims, ECDsa key)
    {
        var header = new JsonObject { ["alg"] = Algorithm, ["kid"] = KeyId(key) };
        var signed = $"{Encode(header)}.{Encode(claims)}";
        var signature = key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return $"{signed}.{Base64Url.EncodeToString(signature)}";
    }

    /// <summary>The claims of a token with a valid signature; null for anything else.</summary>
    public static JsonObject? Verify(string token, ECDsa key)
    {
        if (token.Split('.') is not [var head, var body, var seal]) return null;
        try
        {
            if (JsonTree.Parse(Base64Url.DecodeFromChars(head)).Text("alg") != Algorithm) return null;
            var signature = Base64Url.DecodeFromChars(seal);
            return key.VerifyData(Encoding.ASCII.GetBytes($"{head}.{body}"), signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)
                ? JsonTree.Parse(Base64Url.DecodeFromChars(body)) as JsonObject
                : null;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return null;
        }
    }

    /// <summary>The key's name: the hash of its public part.</summary>
    public static string KeyId(ECDsa key) => Base64Url.EncodeToString(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}
