import Testing

@testable import Dialects

@Suite struct DataURLTests {
    @Test func aPhotoHasOneName() {
        for name in ["image/jpeg", "image/jpg", "IMAGE/JPG"] {
            let url = DataURL("data:\(name);base64,/9j/")
            #expect(url?.mediaType == "image/jpeg" && url?.isBase64 == true && url?.data == "/9j/")
        }
        #expect(DataURL("data:image/png;base64,AA==")?.mediaType == "image/png")
    }
}
