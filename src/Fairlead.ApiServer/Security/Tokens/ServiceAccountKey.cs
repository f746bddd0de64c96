using System.Security.Cryptography;

namespace Fairlead.ApiServer.Security.Tokens;

/// <summary>The key that signs service account tokens, kept as <c>sa.key</c> in the folder of the certificates; ECDSA P-256.</summary>
public static class ServiceAccountKey
{
    /// <exception cref="CryptographicException">The file is there but holds no key.</exception>
    public static ECDsa OpenOrCreate(string folder)
    {
        var file = Path.Combine(folder, "sa.key");
        if (File.Exists(file))
        {
            var kept = ECDsa.Create();
            kept.ImportFromPem(File.ReadAllText(file));
            return kept;
        }
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var temporary = file + ".new";
        using (var stream = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        using (var writer = new StreamWriter(stream))
        {
            writer.Write(key.ExportPkcs8PrivateKeyPem());
        }
        File.Move(temporary, file, overwrite: true);
        return key;
    }
}
