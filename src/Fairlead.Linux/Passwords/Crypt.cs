using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Linux.Passwords;

/// <summary>crypt(3): the password hashes of /etc/shadow and of htpasswd (bcrypt, SHA-512, SHA-256, yescrypt, DES).</summary>
public static unsafe partial class Crypt
{
    /// <summary>sizeof(struct crypt_data) of libxcrypt.</summary>
    private const int DataSize = 32768;

    /// <summary>Whether the password has the hash; false too for a hash of a kind that the C library does not know, or where that library is missing.</summary>
    public static bool Verify(string password, string hash)
    {
        var data = NativeMemory.AllocZeroed(DataSize);
        try
        {
            var result = Marshal.PtrToStringUTF8(crypt_r(password, hash, data));
            // It answers a text that begins with a star where it cannot.
            return result is { Length: > 1 } && result[0] != '*'
                && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(result), Encoding.UTF8.GetBytes(hash));
        }
        catch (DllNotFoundException)
        {
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(new Span<byte>(data, DataSize));
            NativeMemory.Free(data);
        }
    }

    [LibraryImport("libcrypt.so.1", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint crypt_r(string phrase, string setting, void* data);
}
