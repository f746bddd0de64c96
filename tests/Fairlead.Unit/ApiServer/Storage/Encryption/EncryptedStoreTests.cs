using System.Text;
using Fairlead.ApiServer;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Storage.Encryption;
using Fairlead.Unit.ApiServer.HTTP;
using Xunit;

namespace Fairlead.Unit.ApiServer.Storage.Encryption;

/// <summary>Kubernetes documentation: "Encrypting Confidential Data at Rest".</summary>
public sealed class EncryptedStoreTests : IDisposable
{
    private const string Secrets = "/api/v1/namespaces/default/secrets";
    private const string Secret = "/api/v1/namespaces/default/secrets/s";
    private const string Word = "opensesameopensesame";
    private static readonly string Key1 = Convert.ToBase64String(Enumerable.Repeat((byte)1, 32).ToArray());
    private static readonly string Key2 = Convert.ToBase64String(Enumerable.Repeat((byte)2, 32).ToArray());
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("aesgcm")]
    [InlineData("aescbc")]
    public async Task Secret_Stored_IsNotInTheFile_AndComesBack(string provider)
    {
        var configuration = Configure($"{{{provider}: {{keys: [{{name: key1, secret: {Key1}}}]}}}}, {{identity: {{}}}}");
        await using (var server = await StartAsync(configuration))
        {
            await CreateAsync(server);
            Assert.Equal(Word, await ReadAsync(server));
            await new Api(server.Client).ConfigMapAsync("in-the-open");
        }

        var bytes = Encoding.Latin1.GetString(StoredBytes());
        Assert.DoesNotContain(Word, bytes, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes(Word)), bytes, StringComparison.Ordinal);
        Assert.Contains($"k8s:enc:{provider}:v1:key1:", bytes, StringComparison.Ordinal);
        Assert.Contains("\"name\":\"in-the-open\"", bytes, StringComparison.Ordinal);
        await using var again = await StartAsync(configuration);
        Assert.Equal(Word, await ReadAsync(again));
    }

    [Fact]
    public async Task Keys_AreRotated_ByWritingAllSecretsAgain()
    {
        await using (var server = await StartAsync(Configure($"{{aesgcm: {{keys: [{{name: key1, secret: {Key1}}}]}}}}"))) await CreateAsync(server);
        await using (var server = await StartAsync(Configure($"{{aesgcm: {{keys: [{{name: key2, secret: {Key2}}}, {{name: key1, secret: {Key1}}}]}}}}")))
        {
            var api = new Api(server.Client);
            var before = await api.DoAsync("GET", Secret);
            var after = await api.DoAsync("PUT", Secret, before.ToJsonString());
            Assert.NotEqual((string)before["metadata"]!["resourceVersion"]!, (string)after["metadata"]!["resourceVersion"]!);
            // Now it is stored as it would be; the same again changes nothing.
            var same = await api.DoAsync("PUT", Secret, after.ToJsonString());
            Assert.Equal((string)after["metadata"]!["resourceVersion"]!, (string)same["metadata"]!["resourceVersion"]!);
        }
        await using var last = await StartAsync(Configure($"{{aesgcm: {{keys: [{{name: key2, secret: {Key2}}}]}}}}"));
        Assert.Equal(Word, await ReadAsync(last));
    }

    [Fact]
    public async Task Encryption_BegunAndEnded_OverAStoreThatIsThere()
    {
        await using (var server = await StartAsync(null)) await CreateAsync(server);
        await using (var server = await StartAsync(Configure($"{{aesgcm: {{keys: [{{name: key1, secret: {Key1}}}]}}}}, {{identity: {{}}}}")))
            await new Api(server.Client).DoAsync("PUT", Secret, (await new Api(server.Client).DoAsync("GET", Secret)).ToJsonString());
        await Assert.ThrowsAsync<StoreException>(() => StartAsync(null));
        await using (var server = await StartAsync(Configure($"{{identity: {{}}}}, {{aesgcm: {{keys: [{{name: key1, secret: {Key1}}}]}}}}")))
            await new Api(server.Client).DoAsync("PUT", Secret, (await new Api(server.Client).DoAsync("GET", Secret)).ToJsonString());
        await using var plain = await StartAsync(null);
        Assert.Equal(Word, await ReadAsync(plain));
    }

    [Theory]
    [InlineData("{aesgcm: {keys: [{name: key1, secret: KEY2}]}}", "/registry/secrets/default/s cannot be decrypted with the key \"key1\"")]
    [InlineData("{aesgcm: {keys: [{name: key2, secret: KEY2}]}}", "/registry/secrets/default/s is encrypted by aesgcm with the key \"key1\", which --encryption-provider-config does not name")]
    [InlineData("{identity: {}}", "/registry/secrets/default/s is encrypted by aesgcm")]
    public async Task Start_WithoutTheKey_SaysWhichIsMissing(string providers, string message)
    {
        await using (var server = await StartAsync(Configure($"{{aesgcm: {{keys: [{{name: key1, secret: {Key1}}}]}}}}"))) await CreateAsync(server);

        var refused = await Assert.ThrowsAsync<StoreException>(() => StartAsync(Configure(providers.Replace("KEY2", Key2, StringComparison.Ordinal))));

        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_PlainSecretsAndNoIdentity_SaysSo()
    {
        await using (var server = await StartAsync(null)) await CreateAsync(server);

        var refused = await Assert.ThrowsAsync<StoreException>(() => StartAsync(Configure($"{{aesgcm: {{keys: [{{name: key1, secret: {Key1}}}]}}}}")));

        Assert.Contains("is not encrypted, and --encryption-provider-config names no provider identity", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Value_MovedToAnotherKey_DoesNotDecrypt()
    {
        var cipher = new AesGcmCipher("k", new byte[32]);
        var stored = cipher.Encrypt("/registry/secrets/a/s", "value"u8);

        Assert.Equal("value"u8.ToArray(), cipher.Decrypt("/registry/secrets/a/s", stored));
        Assert.ThrowsAny<System.Security.Cryptography.CryptographicException>(() => cipher.Decrypt("/registry/secrets/b/s", stored));
    }

    [Theory]
    [InlineData("{secretbox: {keys: []}}", "secretbox: there is no such provider here")]
    [InlineData("{kms: {name: a}}", "kms: there is no such provider here")]
    [InlineData("{aesgcm: {keys: []}}", "keys: there is no key")]
    [InlineData("{aesgcm: {keys: [{name: a, secret: c2hvcnQ=}]}}", "keys[0].secret: it has 5 bytes; a key of AES has 16, 24 or 32")]
    [InlineData("{aesgcm: {keys: [{name: a, secret: '!'}]}}", "keys[0].secret: must be base64")]
    [InlineData("{aesgcm: {keys: [{name: 'a:b', secret: AAAAAAAAAAAAAAAAAAAAAA==}]}}", "keys[0].name: there must be no colon")]
    [InlineData("{aesgmc: {}}", "aesgmc: unknown field")]
    [InlineData("", "providers: name at least one provider")]
    public void Configuration_Wrong_SaysWhereAndWhy(string providers, string message)
    {
        var refused = Assert.Throws<ApiServerOptionsException>(() => EncryptionConfiguration.ReadText(Text(providers)));

        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("c2hvcnQ", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Configuration_OpenToOthers_IsRefused()
    {
        var file = Configure("{identity: {}}");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);

        Assert.Contains("is open to others (mode 640): chmod 600", Assert.Throws<ApiServerOptionsException>(() => EncryptionConfiguration.Read(file)).Message, StringComparison.Ordinal);
    }

    private static string Text(string providers) =>
        $"{{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [{{resources: [secrets], providers: [{providers}]}}]}}";

    private string Configure(string providers)
    {
        var file = Path.Combine(_folder.FullName, $"{Guid.NewGuid()}.yaml");
        File.WriteAllText(file, Text(providers));
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return file;
    }

    private async Task<TestApiServer> StartAsync(string? configuration)
    {
        var store = new SqliteStore(Path.Combine(_folder.FullName, "store.db"));
        try
        {
            return await TestApiServer.StartAsync(store, configure: options => options with { EncryptionProviderConfig = configuration });
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    private byte[] StoredBytes() => [.. _folder.EnumerateFiles("store.db*").SelectMany(file => File.ReadAllBytes(file.FullName))];

    private static async Task CreateAsync(TestApiServer server) =>
        await new Api(server.Client).DoAsync("POST", Secrets, $$$"""{"metadata":{"name":"s"},"stringData":{"word":"{{{Word}}}"} }""");

    private static async Task<string> ReadAsync(TestApiServer server) =>
        Encoding.UTF8.GetString(Convert.FromBase64String((string)(await new Api(server.Client).DoAsync("GET", Secret))["data"]!["word"]!));
}
